"""What an account remembers against itself: who was stopped and why, what each owner did of late, what the day may still cost.

Counts before anything is sent, forgets with the day only what ends with the day, and survives a restart. Time is handed in, in
nanoseconds; nothing here sends, reads or writes.
"""
