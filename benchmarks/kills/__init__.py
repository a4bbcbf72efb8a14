"""Random kills under load: does anything that was acknowledged get lost, or come twice?"""
