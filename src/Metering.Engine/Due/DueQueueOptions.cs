namespace Metering.Engine;

/// <summary>
/// How resets, expiries and period ends are entered on accounts that nobody calls. Whatever is set here, a call enters what is due on its account by
/// the clock; this only makes the rows appear in time where nobody calls.
/// </summary>
public sealed class DueQueueOptions
{
    /// <summary>False to leave what is due to the next call or balance read of each account; default true. A cluster's accounts are woken by reminders.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>
    /// The time after a due time within which an account's turn comes, each account's always the same; 0 to 24 hours, default 1 hour. A shorter one
    /// shows rows earlier; a longer one spreads the accounts that renew at one moment over more time.
    /// </summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Accounts a second at most, 0 to 1,000,000; default 1,000, which is a million in 17 minutes for about a tenth of a processor. 0 is as fast as it goes.
    /// A lower one takes less from callers; one that is too low falls behind.
    /// </summary>
    public int MaxPerSecond { get; set; } = 1_000;

    /// <summary>How often the store is asked, 1 second to 1 hour; default 5 seconds. Each time costs one query.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="MeteringStartupException">A setting is out of range; the message names it, its value and what is allowed.</exception>
    public void Validate()
    {
        CreditMeteringOptions.Check("Due.MaxPerSecond", MaxPerSecond, 0, 1_000_000);
        Check("Due.Window", Window, TimeSpan.Zero, TimeSpan.FromHours(24));
        Check("Due.Interval", Interval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
    }

    private static void Check(string setting, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max)
        {
            throw new MeteringStartupException($"{setting} is {value:c}; {min:c} to {max:c} are allowed.");
        }
    }
}
