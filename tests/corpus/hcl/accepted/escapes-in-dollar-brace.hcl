path "${\n}\n" {}
