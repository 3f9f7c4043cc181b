package mutations

// store: see All.
var store = []Mutation{}
