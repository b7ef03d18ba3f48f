path "${a "q" {b} }c" {}
