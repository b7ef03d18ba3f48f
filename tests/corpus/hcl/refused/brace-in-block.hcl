path "a" {{}}
