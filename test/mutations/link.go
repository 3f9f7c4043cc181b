package mutations

// inserted are the defences of what is put into the portal's pages.
var inserted = []Mutation{
	{
		Row: "Link: a page from before it must not come back", Defence: "validators of such a page are not asked about",
		File:    "internal/insert/headers.go",
		Old:     "	delete(h, \"If-None-Match\")\n",
		New:     "",
		Package: "test/rules", Test: "TestLink_Validators",
	},
	{
		Row: "Link: a page from before it must not come back", Defence: "a changed page has no validators",
		File:    "internal/insert/headers.go",
		Old:     "\"Content-Length\", \"Etag\", \"Last-Modified\",",
		New:     "\"Content-Length\",",
		Package: "test/rules", Test: "TestLink_Validators",
	},
	{
		Row: "Link: never in downloads", Defence: "an attachment goes out as it is",
		File:    "internal/insert/headers.go",
		Old:     "err != nil || shown != \"inline\"",
		New:     "err != nil || shown == \"\"",
		Package: "test/rules", Test: "TestLink_LeftAlone",
	},
	{
		Row: "Link: text is text", Defence: "a link's text is escaped",
		File:    "internal/insert/insert.go",
		Old:     "escape(href), escape(text))",
		New:     "escape(href), text)",
		Package: "internal/insert", Test: "TestPieces",
	},
	{
		Row: "Link: whole pieces between two tags", Defence: "a tag is held until it is whole",
		File:    "internal/insert/scanner.go",
		Old:     "(n == 1 || isLetter(token[1])):\n		return 0",
		New:     "(n == 1 || isLetter(token[1])):\n		return n",
		Package: "internal/insert", Test: "TestStream_Places",
	},
	{
		Row: "Link: whole pieces between two tags", Defence: "a charset whose tags are not ASCII is left alone",
		File:    "internal/insert/headers.go",
		Old:     "kind != \"text/html\" || !readable(params[\"charset\"])",
		New:     "kind != \"text/html\" || len(params) > 9",
		Package: "internal/insert", Test: "TestFits",
	},
	{
		Row: "Link: never on huge pages", Defence: "the search for a place ends",
		File:    "internal/insert/scanner.go",
		Old:     " || s.read >= maxPage {",
		New:     " {",
		Package: "internal/insert", Test: "TestTree_Bounds",
	},
	{
		Row: "Link: never on huge pages", Defence: "selectors are not compared with endless rows of elements",
		File:    "internal/insert/tree.go",
		Old:     "parent.children > maxSiblings {",
		New:     "parent.children < 0 {",
		Package: "internal/insert", Test: "TestTree_Bounds",
	},
	{
		Row: "Ask and link: memory", Defence: "a zstd frame is not given as much memory as it wishes",
		File:    "internal/contentcoding/contentcoding.go",
		Old:     ", zstd.WithDecoderMaxWindow(maxWindow)",
		New:     "",
		Package: "internal/insert", Test: "TestStream_Window",
	},
	{
		Row: "Assist: the portal's policy", Defence: "a nonce is one by the standard's alphabet",
		File:    "internal/insert/headers.go",
		Old:     "'nonce-([A-Za-z0-9+/_-]+={0,2})'",
		New:     "'nonce-([^']+)'",
		Package: "internal/insert", Test: "TestNonce",
	},
}
