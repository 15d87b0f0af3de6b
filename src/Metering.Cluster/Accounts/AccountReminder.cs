using Microsoft.Extensions.Logging;

namespace Metering.Cluster;

/// <summary>
/// The one reminder of an account: it wakes the grain some time after something falls due, so that resets and expiries are entered even when
/// nobody calls. It may come late or never: whoever calls the account next enters what is due by the clock. So a failure to set it is
/// told and forgotten.
/// </summary>
internal sealed class AccountReminder(GrainId grain, AccountId account, AccountHosting hosting, DateTimeOffset? remindedOf)
{
    private const string Name = "due";

    /// <summary>Orleans' timers end here; a reminder for later is set in steps.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    /// <summary>The step after a reminder that did not set the next one, because its silo stopped within it.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromHours(6);

    private readonly DateTimeOffset? saved = remindedOf;
    private bool isSetting;

    /// <summary>The due time that the reminder is set for; null while it is not set.</summary>
    public DateTimeOffset? RemindedOf { get; private set; } = remindedOf;

    /// <summary>True where the grain's state does not say yet what the reminder is set for.</summary>
    public bool IsUnsaved => RemindedOf != saved;

    /// <summary>Sets the reminder for what falls due next, where that has changed. One call at a time does so; the others return at once.</summary>
    public Task SetAsync() =>
        hosting.Reminders is not null && !isSetting && hosting.Engine.NextDue(account) is { } due && due != RemindedOf && due < DateTimeOffset.MaxValue
            ? RegisterAsync(due)
            : Task.CompletedTask;

    /// <summary>Sets it whether that has changed or not: it may have been set in a step before.</summary>
    public Task SetAgainAsync()
    {
        RemindedOf = null;
        return SetAsync();
    }

    /// <summary>
    /// How long after the due time an account wakes: its own share of the window, always the same, so that a million accounts that renew on
    /// the first of the month don't wake in one second.
    /// </summary>
    public static TimeSpan JitterOf(AccountId account, TimeSpan window) =>
        window * (GrainId.Create("due", account.Value).GetUniformHashCode() / (double)uint.MaxValue);

    private async Task RegisterAsync(DateTimeOffset due)
    {
        isSetting = true;
        try
        {
            var wait = due - hosting.Clock.GetUtcNow();
            wait = (wait < TimeSpan.Zero ? TimeSpan.Zero : wait) + JitterOf(account, hosting.Options.WakeWindow);
            await hosting.Reminders!.RegisterOrUpdateReminder(grain, Name, wait < Longest ? wait : Longest, Period);
            RemindedOf = due;
        }
        catch (Exception exception)
        {
            hosting.Logger.LogInformation("The reminder of account {Account} was not set; what falls due is entered with its next call: {Reason}", account, exception.Message);
        }
        finally
        {
            isSetting = false;
        }
    }
}
