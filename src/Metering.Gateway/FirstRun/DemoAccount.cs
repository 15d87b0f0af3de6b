using Metering.Engine;

namespace Metering.Gateway;

/// <summary>
/// The account that a first start makes, so that the first call works: plan starter and 25 bonus credits. Its key is stored last: while
/// there is none, the making was interrupted, and the next start goes over every step again; each step takes effect once.
/// </summary>
internal sealed class DemoAccount(ICreditMeter meter, IDirectoryStore directory, TimeProvider time)
{
    private const string BonusReference = "demo-account-bonus";

    /// <summary>A step that the meter cannot take now (a cluster that is still starting, a database that is busy) is taken again so often.</summary>
    private const int Attempts = 10;

    private static readonly AccountId Id = new("demo");

    /// <summary>Makes what is missing.</summary>
    /// <param name="wantsNewKey">True to make a key in any case, and the account where there is none.</param>
    /// <param name="cancellationToken">Ends the making; the next start completes it.</param>
    /// <returns>Whether there is a demo account, and its key where one was made now.</returns>
    /// <exception cref="MeteringStartupException">The meter refused a step.</exception>
    public async Task<(bool Exists, string? NewKey)> EnsureAsync(bool wantsNewKey, CancellationToken cancellationToken)
    {
        var isMissing = await directory.FindProfileAsync(Id, cancellationToken).ConfigureAwait(false) is null;
        if (isMissing && !wantsNewKey && !await directory.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
        {
            return (false, null); // Somebody's own accounts live here.
        }

        var keys = await directory.ListKeysAsync(Id, cancellationToken).ConfigureAwait(false);
        if (keys.Count == 0)
        {
            await CompleteAsync(cancellationToken).ConfigureAwait(false);
        }
        else if (!wantsNewKey)
        {
            return (true, null);
        }

        var key = ApiKeys.Create(Id, "Demo", ApiKeyScopes.Read | ApiKeyScopes.Spend | ApiKeyScopes.Refund, time.GetUtcNow());
        await directory.AddKeyAsync(key.Stored, cancellationToken).ConfigureAwait(false);
        return (true, key.Key);
    }

    private async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await directory.TryAddProfileAsync(
            new()
            {
                Account = Id,
                Email = "demo@example.com",
                FirstName = "Demo",
                CompanyName = "Example",
                CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()),
            },
            cancellationToken).ConfigureAwait(false);
        await TakeAsync(() => meter.OpenAccountAsync(Id, new() { Plan = "starter" }, cancellationToken), RefusalReason.AccountExists, cancellationToken).ConfigureAwait(false);
        var bonus = new GrantRequest { Source = GrantSource.Bonus, Amount = Credits.Of(25), Description = "Welcome bonus", ExternalReference = BonusReference };
        await TakeAsync(() => meter.GrantAsync(Id, bonus, cancellationToken), RefusalReason.ReferenceUsed, cancellationToken).ConfigureAwait(false);
    }

    /// <param name="step">A step, which takes effect once however often it is asked for.</param>
    /// <param name="doneBefore">The refusal that says that it was taken before.</param>
    /// <param name="cancellationToken">Ends the waits between attempts.</param>
    private async Task TakeAsync<T>(Func<ValueTask<Outcome<T>>> step, RefusalReason doneBefore, CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            var refusal = (await step().ConfigureAwait(false)).Refusal;
            if (refusal is null || refusal.Reason == doneBefore)
            {
                return;
            }

            if (refusal.RetryAfter is not { } wait || attempt == Attempts)
            {
                throw new MeteringStartupException($"The demo account cannot be made: {refusal.Message}");
            }

            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
