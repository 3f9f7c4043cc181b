package mutations

// seal: see All.
var seal = []Mutation{}
