package gateway

// SetFields sets the names of sign_in's fields.
func (g *Gateway) SetFields(names ...string) { g.site.Rules.Fields = names }
