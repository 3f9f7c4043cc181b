package mutations

// ask: see All.
var ask = []Mutation{}
