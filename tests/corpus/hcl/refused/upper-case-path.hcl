Path "a" {}
