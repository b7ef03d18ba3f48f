path "a" {} }
