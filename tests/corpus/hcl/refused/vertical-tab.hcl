path"a" {}
