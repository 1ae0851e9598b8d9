print("ditto")
