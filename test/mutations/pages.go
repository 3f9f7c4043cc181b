package mutations

// pages: see All.
var pages = []Mutation{}
