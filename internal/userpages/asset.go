package userpages

import "github.com/secondgate/secondgate/internal/userpages/guard"

// showAsset serves a file that the pages load.
func (c *call) showAsset(name string) {
	asset, ok := c.set.Asset(name)
	if !ok {
		c.deny(guard.NotFound)
		return
	}
	guard.ServeAsset(c.w, c.r, asset)
}
