namespace Metering.Core.Tests.Model;

/// <summary>How an account begins.</summary>
public sealed record Opening(DateTime Now, DateTime? Anchor, decimal Allotment, int PeriodMonths, DateTime? PaidThrough, bool Unlimited)
{
    /// <summary>Days for which an account whose period was not paid goes on spending.</summary>
    public int GraceDays { get; init; }
}

/// <summary>One thing that happens to an account, in plain numbers.</summary>
public abstract record Step
{
    /// <summary>The idempotency key; 0 for none.</summary>
    public int Key { get; init; }
}

/// <summary>The clock moves, also back.</summary>
public sealed record Wait(TimeSpan Time) : Step;

/// <summary>The clock moves to the next leap day.</summary>
public sealed record WaitForLeapDay : Step;

/// <summary>A deduction.</summary>
public sealed record Spend(decimal Amount) : Step;

/// <summary>A grant; hours to its expiry, 0 for never; a number of an external reference, 0 for none.</summary>
public sealed record Give(TransactionType Kind, decimal Amount, int ExpiresInHours, int Reference) : Step;

/// <summary>A correction.</summary>
public sealed record Correct(decimal Amount) : Step;

/// <summary>A refund of the nth transaction from the last; null for all that is left.</summary>
public sealed record PayBack(int Back, decimal? Amount) : Step;

/// <summary>A call for records: numbers of companies, negative for the company's signals; 0 for no limit is null.</summary>
public sealed record Fetch(int[] Companies, bool UpTo, decimal? Limit) : Step
{
    /// <inheritdoc />
    public override string ToString() => $"Fetch [{string.Join(", ", Companies)}] UpTo={UpTo} Limit={Limit} Key={Key}";
}

/// <summary>A visit of companies, so many hours ago.</summary>
public sealed record Visit(int[] Companies, int HoursAgo) : Step
{
    /// <inheritdoc />
    public override string ToString() => $"Visit [{string.Join(", ", Companies)}] HoursAgo={HoursAgo} Key={Key}";
}

/// <summary>An operator brings subscriptions of companies that end in so many hours; a reference is used once.</summary>
public sealed record Bring(int[] Companies, int HoursAhead, int Reference) : Step
{
    /// <inheritdoc />
    public override string ToString() => $"Bring [{string.Join(", ", Companies)}] HoursAhead={HoursAhead} Reference={Reference} Key={Key}";
}

/// <summary>The account is suspended, closed or made active.</summary>
public sealed record Switch(AccountStatus Status) : Step;

/// <summary>How much spending may owe.</summary>
public sealed record Limit(decimal Most) : Step;

/// <summary>Credits are taken back.</summary>
public sealed record Retake(decimal Amount, int Reference) : Step;

/// <summary>A change to one of the model's plans; 0 days leaves what is paid.</summary>
public sealed record Replan(int Plan, bool IsPlanned, bool IsProrated, int PaidDaysAhead, int Reference) : Step;

/// <summary>A cancellation, or its end.</summary>
public sealed record Cancel(bool IsCancelled) : Step;

/// <summary>A payment that moves the paid time by days from now.</summary>
public sealed record Pay(int DaysAhead, int Reference) : Step;
