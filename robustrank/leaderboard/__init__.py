"""The leaderboard: entries that anybody may submit, what is computed of them, and the static site that shows them."""
