, path "a" {}
