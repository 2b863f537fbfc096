"""Policy of leaving: phases, what is in flight, who hears when. Pure: time is an argument."""
