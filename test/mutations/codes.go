package mutations

// codes: see All.
var codes = []Mutation{}
