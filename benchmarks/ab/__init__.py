"""How often ``chatbench ab`` is wrong: real pairs on this machine, and many more drawn from them."""
