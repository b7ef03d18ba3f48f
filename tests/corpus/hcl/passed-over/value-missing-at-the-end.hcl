path "a" {}
name =