namespace Metering.Gateway.Payments;

/// <summary>What became of a claim.</summary>
internal enum ClaimStatus
{
    /// <summary>The key, for the first and last time.</summary>
    Handed,

    /// <summary>Not paid yet, or being made.</summary>
    Pending,

    /// <summary>No purchase has that token.</summary>
    Unknown,

    /// <summary>The purchase is for another address.</summary>
    WrongEmail,

    /// <summary>The key was handed out before.</summary>
    Claimed,

    /// <summary>Too late.</summary>
    Expired,

    /// <summary>The key cannot be decrypted by this process.</summary>
    Unreadable,
}

/// <summary>A claim's answer.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Purchase">The purchase; null where there is none.</param>
/// <param name="Key">The key; only with <see cref="ClaimStatus.Handed"/>.</param>
internal sealed record Claim(ClaimStatus Status, PlanPurchase? Purchase = null, string? Key = null)
{
    /// <summary>True for an answer that a customer who waits gets over and over; it does not count against the limit.</summary>
    public bool IsFree => Status == ClaimStatus.Pending;
}

/// <summary>Hands out the keys of paid purchases, each once (001, step 3).</summary>
internal sealed class Claims(PaymentBooks books, KeyVault vault, TimeProvider time)
{
    /// <summary>What a claim would be answered with; it changes nothing, and never holds the key.</summary>
    public async ValueTask<Claim> LookAsync(string email, string token, CancellationToken cancellationToken) =>
        Judge(await FindAsync(token, cancellationToken).ConfigureAwait(false), email);

    /// <summary>Hands out the key where it is ready.</summary>
    public async ValueTask<Claim> TakeAsync(string email, string token, CancellationToken cancellationToken)
    {
        while (true)
        {
            var stored = await FindAsync(token, cancellationToken).ConfigureAwait(false);
            var claim = Judge(stored, email);
            if (claim.Status != ClaimStatus.Handed || stored is not { } ready)
            {
                return claim;
            }

            if (vault.TryUnprotect(ready.Value.ProtectedKey!) is not { } key)
            {
                return claim with { Status = ClaimStatus.Unreadable };
            }

            // Durable before the key leaves: of two who claim at once, one gets it.
            var claimed = ready.Value with { State = PlanPurchaseState.Claimed, ProtectedKey = null };
            if (await books.SaveAsync(cancellationToken, books.PlanPurchases.Change(claimed, ready.Version)).ConfigureAwait(false))
            {
                return claim with { Key = key };
            }
        }
    }

    private async ValueTask<Stored<PlanPurchase>?> FindAsync(string token, CancellationToken cancellationToken) => PlanSales.IsToken(token)
        ? await books.PlanPurchases.FindByKeyAsync(PlanPurchase.TokenKey(PlanSales.HashOf(token)), cancellationToken).ConfigureAwait(false)
        : null;

    private Claim Judge(Stored<PlanPurchase>? stored, string email)
    {
        if (stored?.Value is not { } purchase)
        {
            return new(ClaimStatus.Unknown);
        }

        if (purchase.Email != EmailAddress.Normalize(email))
        {
            return new(ClaimStatus.WrongEmail);
        }

        var isLate = time.GetUtcNow() >= purchase.ExpiresAt;
        return new(
            purchase.State switch
            {
                PlanPurchaseState.Claimed => ClaimStatus.Claimed,
                PlanPurchaseState.Expired => ClaimStatus.Expired,
                _ when isLate => ClaimStatus.Expired,
                PlanPurchaseState.Recorded or PlanPurchaseState.Open or PlanPurchaseState.Provisioning => ClaimStatus.Pending,
                PlanPurchaseState.Ready => ClaimStatus.Handed,
                _ => throw new ArgumentOutOfRangeException(nameof(stored), purchase.State, "There is no such state."),
            },
            purchase);
    }
}
