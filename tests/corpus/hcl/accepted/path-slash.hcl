path "/a" {} path "//" {}
