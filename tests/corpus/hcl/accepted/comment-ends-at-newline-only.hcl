# xpath "a" {
