path "a\400" {}
