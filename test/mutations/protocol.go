package mutations

// protocol: see All.
var protocol = []Mutation{}
