path "a" {}
