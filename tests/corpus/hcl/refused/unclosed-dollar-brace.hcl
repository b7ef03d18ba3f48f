path "a${b" {}
