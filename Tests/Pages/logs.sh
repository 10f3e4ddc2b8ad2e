# Three messages.
submit 16517015 ann@example.org
submit 16517016 bob@example.org
submit 16517017 ann@example.org
