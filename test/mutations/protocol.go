package mutations

// protocol are the defences in what HTTP brings beside requests and responses.
var protocol = []Mutation{}
