path “a” {}
