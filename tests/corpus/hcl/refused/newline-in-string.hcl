path "a
b" {}
