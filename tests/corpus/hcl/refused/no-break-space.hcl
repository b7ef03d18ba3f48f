path "a" {}
