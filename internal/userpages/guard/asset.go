package guard

import (
	"bytes"
	"net/http"
	"time"

	"github.com/secondgate/secondgate/templates"
)

// ServeAsset serves a file: for ever where its name holds its content's hash.
func ServeAsset(w http.ResponseWriter, r *http.Request, asset templates.Asset) {
	h := w.Header()
	h.Set("Content-Security-Policy", assetPolicy)
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "no-cache")
	if asset.Lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", asset.ETag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(asset.Content))
}
