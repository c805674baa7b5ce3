"""The partner's half of the exchange: programs beside a party's own system, with the key that stays there."""
