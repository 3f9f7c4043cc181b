package web

import (
	"bytes"
	"net/http"
	"time"
)

// showAsset serves a file: for ever where its name holds its content's hash.
func (c *call) showAsset(name string) {
	asset, ok := c.set.Asset(name)
	if !ok {
		c.deny(notFound)
		return
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", assetPolicy)
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "no-cache")
	if asset.Lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", asset.ETag)
	http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(asset.Content))
}
