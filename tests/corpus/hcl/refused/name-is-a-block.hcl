name {}
