namespace Metering;

/// <summary>What a subscription lets its account do at a time.</summary>
public enum SubscriptionState
{
    /// <summary>Paid, or not billed: the account spends.</summary>
    Active,

    /// <summary>Not paid any more and within the grace period: the account spends what it holds; nothing new is granted.</summary>
    PastDue,

    /// <summary>Unpaid, ended, suspended or closed: reads go on, spending does not.</summary>
    Inactive,
}

/// <summary>The names that the dialects use for <see cref="SubscriptionState"/>.</summary>
public static class SubscriptionStates
{
    /// <summary>The name, for example <c>past_due</c>.</summary>
    /// <param name="state">The state.</param>
    public static string ToName(this SubscriptionState state) => state switch
    {
        SubscriptionState.Active => "active",
        SubscriptionState.PastDue => "past_due",
        SubscriptionState.Inactive => "inactive",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "Not a state."),
    };
}
