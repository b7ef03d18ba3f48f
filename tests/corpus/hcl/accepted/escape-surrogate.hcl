path "\ud800" {}
