using System.Collections.Concurrent;
using System.Security.Cryptography;
using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>Gives the right to change a subscription to one at a time, in all processes that share the store.</summary>
internal sealed class SubscriptionClaims(PaymentBooks books, PaymentOptions options, TimeProvider time, ILogger<SubscriptionClaims> logger)
{
    private const int Rounds = 5;

    // Claims of this process that only follow the provider: over in a moment, so that a customer's change waits for them instead of being refused.
    private readonly ConcurrentDictionary<string, TaskCompletionSource> following = new();

    /// <summary>A name that nobody else has.</summary>
    public static string NewId(string subject) => $"{subject}-{RandomNumberGenerator.GetHexString(32, lowercase: true)}";

    /// <summary>True where somebody is changing the subscription now.</summary>
    public bool IsHeld(BillingAccount billing) => billing.Claim is { } claim && time.GetUtcNow() < claim.Until;

    /// <summary>Takes the claim of a subscription that nobody holds, with what a holder before has left undone.</summary>
    /// <returns>The claim's id; null where another was quicker.</returns>
    public async ValueTask<string?> TakeAsync(Stored<BillingAccount> stored, CancellationToken cancellationToken)
    {
        var claim = NewClaim(stored.Value);
        return await SaveAsync(stored, claim, cancellationToken).ConfigureAwait(false) ? claim.Id : null;
    }

    /// <summary>Like <see cref="TakeAsync"/>, and does work that changes nothing at the provider.</summary>
    /// <returns>What the work returns; null where another was quicker.</returns>
    public async ValueTask<T?> WithAsync<T>(Stored<BillingAccount> stored, Func<string, ValueTask<T>> work, CancellationToken cancellationToken)
        where T : struct
    {
        var claim = NewClaim(stored.Value);
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        following[claim.Id] = end; // Before it can be seen.
        try
        {
            return await SaveAsync(stored, claim, cancellationToken).ConfigureAwait(false) ? await work(claim.Id).ConfigureAwait(false) : null;
        }
        finally
        {
            following.TryRemove(claim.Id, out _);
            end.TrySetResult();
        }
    }

    /// <summary>Waits for the end of a claim of this process that changes nothing.</summary>
    /// <returns>False at once for any other.</returns>
    public async ValueTask<bool> WaitForAsync(SubscriptionClaim claim, CancellationToken cancellationToken)
    {
        if (!following.TryGetValue(claim.Id, out var end))
        {
            return false;
        }

        await end.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The account of a subscription whose claim is the caller's; null where it is not any more.</summary>
    public async ValueTask<Stored<BillingAccount>?> FindMineAsync(string subscriptionId, string claim, CancellationToken cancellationToken) =>
        await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken).ConfigureAwait(false) is { } stored && stored.Value.Claim?.Id == claim
            ? stored
            : null;

    /// <summary>Tells the holder that there is something new to follow; false where another change was quicker.</summary>
    public ValueTask<bool> NoteAsync(Stored<BillingAccount> stored, CancellationToken cancellationToken) =>
        SaveAsync(stored, stored.Value.Claim! with { Notes = stored.Value.Claim.Notes + 1 }, cancellationToken);

    /// <summary>Notes what must be put back at the provider if the holder dies; false where the claim is not the caller's any more.</summary>
    public async ValueTask<bool> NoteRestoresAsync(string subscriptionId, string claim, PlannedPrice planned, CancellationToken cancellationToken)
    {
        while (await FindMineAsync(subscriptionId, claim, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            if (await SaveAsync(stored, stored.Value.Claim! with { Restores = planned }, cancellationToken).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives the claim back: for good where the work is done, else to whoever goes on with it.</summary>
    /// <returns>False where something was noted since it was read: look again.</returns>
    public ValueTask<bool> GiveBackAsync(Stored<BillingAccount> stored, bool isDone, CancellationToken cancellationToken) =>
        SaveAsync(stored, isDone ? null : stored.Value.Claim! with { Until = time.GetUtcNow() }, cancellationToken);

    /// <summary>Gives the claim back of whoever has changed nothing; false where something must be followed first.</summary>
    public async ValueTask<bool> TryDropAsync(string subscriptionId, string claim, CancellationToken cancellationToken) =>
        await FindMineAsync(subscriptionId, claim, cancellationToken).ConfigureAwait(false) is { Value.Claim: { Notes: 0, Restores: null } } stored
        && await GiveBackAsync(stored, isDone: true, cancellationToken).ConfigureAwait(false);

    /// <summary>Leaves work that broke off to whoever comes next, at once. Where even that fails, the claim runs out by itself.</summary>
    public async ValueTask GiveUpAsync(string subscriptionId, string claim)
    {
        try
        {
            for (var round = 0; round < Rounds && await FindMineAsync(subscriptionId, claim, CancellationToken.None).ConfigureAwait(false) is { } stored; round++)
            {
                if (await GiveBackAsync(stored, isDone: false, CancellationToken.None).ConfigureAwait(false))
                {
                    return;
                }
            }
        }
        catch (LedgerUnavailableException error)
        {
            logger.LogWarning("The claim of the subscription {Subscription} could not be given back, and runs out by itself: {Message}", subscriptionId, error.Message);
        }
    }

    /// <summary>Puts the next try of unfinished work off, for longer the longer it fails.</summary>
    public async ValueTask PostponeAsync(string subscriptionId, DateTimeOffset since, CancellationToken cancellationToken)
    {
        if (await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken).ConfigureAwait(false) is { Value.Claim: { } claim } stored && !IsHeld(stored.Value))
        {
            var changes = books.Accounts.Change(stored.Value with { Claim = claim with { Until = since } }, stored.Version, BackOff.Next(since, time.GetUtcNow()));
            await books.SaveAsync(cancellationToken, changes).ConfigureAwait(false);
        }
    }

    private SubscriptionClaim NewClaim(BillingAccount billing) => new() { Id = NewId("claim"), Until = time.GetUtcNow() + options.ChangeLease, Restores = billing.Claim?.Restores };

    private ValueTask<bool> SaveAsync(Stored<BillingAccount> stored, SubscriptionClaim? claim, CancellationToken cancellationToken) =>
        books.SaveAsync(cancellationToken, books.Accounts.Change(stored.Value with { Claim = claim }, stored.Version));
}
