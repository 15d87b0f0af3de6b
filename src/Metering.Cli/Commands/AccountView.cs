using System.Globalization;

namespace Metering.Cli;

/// <summary>Prints an account for people.</summary>
internal static class AccountView
{
    private const int Transactions = 10;

    /// <summary>Prints balance, profile, keys in sum and the last transactions.</summary>
    /// <returns>Why it could not be read; null where it could.</returns>
    public static async Task<string?> PrintAsync(ToolTerminal terminal, OpenStore store, AccountId account, Balance balance, CancellationToken cancellationToken)
    {
        if (!(await store.Meter.ListTransactionsAsync(account, new() { Limit = Transactions }, cancellationToken)).TryGet(out var page, out var refusal))
        {
            return refusal.Message;
        }

        var profile = await store.Directory.FindProfileAsync(account, cancellationToken);
        var keys = await store.Directory.ListKeysAsync(account, cancellationToken);
        var now = terminal.Time.GetUtcNow();
        await LineAsync("account", account.Value);
        await LineAsync("status", $"{balance.Status.ToName()}{(balance.StatusReason.Length > 0 ? $" ({balance.StatusReason})" : string.Empty)}{(balance.EndsAt is { } ends ? $", ends {Time(ends)}" : string.Empty)}");
        await LineAsync("plan", $"{balance.Plan}{(balance.Unlimited ? " (calls are recorded at 0)" : string.Empty)}, level {balance.Level.ToName()}{(balance.PlannedPlan is { } planned ? $"; {planned} at the period's end" : string.Empty)}");
        await LineAsync("available", $"{balance.Available}: bonus {balance.Bonus}, monthly {balance.Monthly} of {balance.MonthlyAllotment}, permanent {balance.Permanent}, held {balance.Held}");
        if (!balance.Owed.IsZero || !balance.CreditLimit.IsZero)
        {
            await LineAsync("owed", $"{balance.Owed}, at most {balance.CreditLimit}");
        }

        await LineAsync("used", $"{balance.UsedMonthly + balance.UsedCarried} since {Time(balance.LastResetAt)}");
        await LineAsync("period ends", Time(balance.PeriodEnd));
        await LineAsync("paid through", balance.PaidThrough is { } paid ? Time(paid) : "not billed");
        await LineAsync("profile", profile is null ? "none" : string.Join(", ", new[] { profile.Email, $"{profile.FirstName} {profile.LastName}".Trim(), profile.CompanyName, profile.CompanyWebsite }.Where(text => !string.IsNullOrEmpty(text))));
        await LineAsync("keys", $"{keys.Count(key => key.RevokedAt is null && !(key.ExpiresAt <= now))} active of {keys.Count}");
        await LineAsync("transactions", $"{page.Total.ToString("N0", CultureInfo.InvariantCulture)}; the last:");
        foreach (var transaction in page.Items)
        {
            await terminal.Output.WriteLineAsync($"  {transaction.Id} {Time(transaction.CreatedAt)} {transaction.Type.ToName(),-13} {transaction.Amount,12} {transaction.Credits,14}  {transaction.Description}");
        }

        return null;

        Task LineAsync(string name, string value) => terminal.Output.WriteLineAsync($"{name + ":",-14}{value}");
    }

    /// <summary>An instant to the second, UTC.</summary>
    public static string Time(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
