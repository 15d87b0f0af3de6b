using System.Security.Cryptography;
using System.Text;
using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Admin;

/// <summary>
/// Sandboxes: an account's twin with credits of its own, on the same plan and never billed. Test keys (<c>…test_</c> before the secret) open the twin, so
/// that nothing that they do touches the account's ledger. A twin is made with the account's first test key.
/// </summary>
internal sealed class SandboxAccounts(ISandboxStore sandboxes, ICreditMeter meter, TimeProvider time)
{
    /// <summary>What twins' ids begin with; operators cannot open other accounts that begin so.</summary>
    public const string IdPrefix = "test:";

    /// <summary>Behind a key prefix, in front of the secret.</summary>
    public const string KeyInfix = "test_";

    /// <summary>What keys of an account begin with.</summary>
    public static string PrefixOf(bool isSandbox) => ApiKeys.DefaultPrefix + (isSandbox ? KeyInfix : string.Empty);

    /// <summary>The twin of an account, made where there is none yet.</summary>
    /// <returns>The twin, or why there is none.</returns>
    public async ValueTask<(AccountId? Twin, Failure? Failure)> EnsureAsync(AccountId account, CancellationToken cancellationToken)
    {
        if (await sandboxes.FindOwnerAsync(account, cancellationToken).ConfigureAwait(false) is { } owner)
        {
            return (null, new(StatusCodes.Status409Conflict, "is_sandbox", $"{account} is the sandbox of {owner} already; make test keys there."));
        }

        var balance = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!balance.TryGet(out var present, out var refusal))
        {
            return (null, Failure.Of(refusal));
        }

        var known = await sandboxes.FindTwinAsync(account, cancellationToken).ConfigureAwait(false);
        var twin = known ?? TwinOf(account);
        var opened = await meter.GetBalanceAsync(twin, cancellationToken).ConfigureAwait(false);
        if (opened.IsSuccess)
        {
            // A ledger of that name that no sandbox is noted for is somebody's account. Asked again: another request may have made the sandbox meanwhile.
            return (known ?? await sandboxes.FindTwinAsync(account, cancellationToken).ConfigureAwait(false)) == twin ? (twin, null) : (null, Taken(twin));
        }

        if (opened.Refusal!.Reason != RefusalReason.AccountUnknown)
        {
            return (null, Failure.Of(opened.Refusal));
        }

        // Noted first: a ledger that is opened is then a sandbox for certain, whatever breaks off.
        if (await sandboxes.AddAsync(account, twin, time.GetUtcNow(), cancellationToken).ConfigureAwait(false) is not { } noted)
        {
            return (null, new(StatusCodes.Status409Conflict, "sandbox_id_taken", $"{twin} is the sandbox of another account."));
        }

        var made = await meter.OpenAccountAsync(noted, new() { Plan = present.Plan }, CancellationToken.None).ConfigureAwait(false);
        return made.IsSuccess || made.Refusal!.Reason == RefusalReason.AccountExists ? (noted, null) : (null, Failure.Of(made.Refusal));
    }

    /// <summary>Why an account that is about to be opened could have no twin; null where it could.</summary>
    public async ValueTask<Failure?> CheckFreeAsync(AccountId account, CancellationToken cancellationToken)
    {
        if (await FindAsync(account, cancellationToken).ConfigureAwait(false) is not null)
        {
            return null;
        }

        var twin = TwinOf(account);
        var opened = await meter.GetBalanceAsync(twin, cancellationToken).ConfigureAwait(false);
        return opened.IsSuccess ? await FindAsync(account, cancellationToken).ConfigureAwait(false) == twin ? null : Taken(twin)
            : opened.Refusal!.Reason == RefusalReason.AccountUnknown ? null : Failure.Of(opened.Refusal);
    }

    /// <summary>The twin of an account; null where it has none yet.</summary>
    public ValueTask<AccountId?> FindAsync(AccountId account, CancellationToken cancellationToken) => sandboxes.FindTwinAsync(account, cancellationToken);

    /// <summary>True for an account that is another's twin.</summary>
    public async ValueTask<bool> IsSandboxAsync(AccountId account, CancellationToken cancellationToken) =>
        await sandboxes.FindOwnerAsync(account, cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>The account, and behind it its twin where it has one: whose keys its own keys see.</summary>
    public async ValueTask<AccountId[]> WithTwinAsync(AccountId account, CancellationToken cancellationToken) =>
        await FindAsync(account, cancellationToken).ConfigureAwait(false) is { } twin ? [account, twin] : [account];

    private static Failure Taken(AccountId twin) => new(StatusCodes.Status409Conflict, "sandbox_id_taken", $"There is an account {twin} already, which is no sandbox.");

    private static AccountId TwinOf(AccountId account) => account.Value.Length + IdPrefix.Length <= AccountId.MaxLength
        ? new(IdPrefix + account.Value)
        : new(IdPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(account.Value))));
}
