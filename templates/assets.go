package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
)

// Asset is a file that the pages load.
type Asset struct {
	Content []byte
	Type    string
	ETag    string
	// Lasting says that the name has a hash of the content, so that browsers may cache the
	// file without asking again.
	Lasting bool
}

// Assist is the name of the script that portals' own pages may load. It has no hash, because
// its address is written in those pages.
const Assist = "assist.js"

// assetLinks are the addresses of the assets. Extra and Logo are empty if the brand has none.
type assetLinks struct {
	Style, Staff, Brand, Extra, Script, Icon, Logo string
}

// Asset returns the asset with this name, the part of the path after /assets/.
func (s *Set) Asset(name string) (Asset, bool) {
	a, ok := s.assets[name]
	return a, ok
}

func (s *Set) loadAssets() error {
	s.assets = map[string]Asset{}
	files := map[string]*string{"style.css": &s.links.Style, "staff.css": &s.links.Staff, "script.js": &s.links.Script, "icon.svg": &s.links.Icon}
	for name, link := range files {
		content, err := fs.ReadFile(assetFiles, "assets/"+name)
		if err != nil {
			return err
		}
		*link = s.addAsset(name, content)
	}
	assist, err := fs.ReadFile(assetFiles, "assets/"+Assist)
	if err != nil {
		return err
	}
	s.assets[Assist] = newAsset(Assist, assist)
	s.links.Brand = s.addAsset("brand.css", s.brand.css())
	if len(s.brand.CSS) > 0 {
		s.links.Extra = s.addAsset("extra.css", s.brand.CSS)
	}
	if len(s.brand.Logo) > 0 {
		s.links.Logo = s.addAsset("logo"+logoSuffix[s.brand.LogoType], s.brand.Logo)
	}
	return nil
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
}

func (s *Set) addAsset(name string, content []byte) (link string) {
	a := newAsset(name, content)
	a.Lasting = true
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "-" + strings.Trim(a.ETag, `"`) + ext
	s.assets[hashed] = a
	return s.path + "/assets/" + hashed
}

func newAsset(name string, content []byte) Asset {
	sum := sha256.Sum256(content)
	return Asset{Content: content, Type: assetTypes[path.Ext(name)], ETag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}
