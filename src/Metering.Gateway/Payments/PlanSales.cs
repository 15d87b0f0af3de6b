using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>A purchase that was begun, or why not.</summary>
/// <param name="Purchase">The purchase; null where it was refused.</param>
/// <param name="ClaimToken">The token, told only now.</param>
/// <param name="CheckoutUrl">Where to pay.</param>
/// <param name="Failure">Why not; null where it was begun.</param>
internal sealed record PlanSale(PlanPurchase? Purchase, string? ClaimToken, string? CheckoutUrl, Failure? Failure)
{
    public static PlanSale Refused(int status, string code, string message) => new(null, null, null, new(status, code, message));
}

/// <summary>Sells plans: from an e-mail address and a plan to a page that can be paid (001, step 1).</summary>
internal sealed class PlanSales(PaymentBooks books, Payments payments, Renewals renewals, TimeProvider time, ILogger<PlanSales> logger)
{
    private const string TokenPrefix = "claim_";
    private const int TokenDigits = 64;
    private const int Rounds = 5;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>SHA-256 of a claim token, hex.</summary>
    public static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>True where a text has the form of a claim token.</summary>
    public static bool IsToken(string text) =>
        text.Length == TokenPrefix.Length + TokenDigits && text.StartsWith(TokenPrefix, StringComparison.Ordinal)
        && text.AsSpan(TokenPrefix.Length).IndexOfAnyExcept(HexDigits) < 0;

    /// <summary>Begins a purchase. An earlier one for the same address that is not paid is closed: one page an address can be paid.</summary>
    /// <param name="email">A valid address.</param>
    /// <param name="plan">A plan for sale.</param>
    /// <param name="renewing">The caller, where the request came with a key: the purchase renews the key's account. Null for a new account.</param>
    /// <param name="publicUrl">Where customers reach this gateway.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<PlanSale> BeginAsync(string email, string plan, MeteringCaller? renewing, string publicUrl, CancellationToken cancellationToken)
    {
        if (payments.Provider is not { } provider)
        {
            return PlanSale.Refused(StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "No payment provider is set up; nothing can be bought here now.");
        }

        try
        {
            Renewal? renewal = null;
            if (renewing is not null)
            {
                (renewal, var failure) = await renewals.FindAsync(renewing, EmailAddress.Normalize(email), plan, cancellationToken).ConfigureAwait(false);
                if (renewal is null)
                {
                    return new(null, null, null, failure);
                }
            }

            var (purchase, token, refusal) = await RecordAsync(email, plan, renewal, provider, cancellationToken).ConfigureAwait(false);
            return refusal ?? await OpenPageAsync(purchase!.Value, token!, renewal, provider, publicUrl, cancellationToken).ConfigureAwait(false);
        }
        catch (PaymentProviderException error)
        {
            logger.LogWarning("A purchase could not be begun: {Message}", error.Message);
            return PlanSale.Refused(StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "The payment provider cannot be reached now; try again later. Nothing was charged.");
        }
    }

    /// <summary>Records the purchase before the provider hears of it, so that no page can be paid that nobody here knows.</summary>
    private async ValueTask<(Stored<PlanPurchase>? Purchase, string? Token, PlanSale? Refusal)> RecordAsync(
        string email, string plan, Renewal? renewal, IPaymentProvider provider, CancellationToken cancellationToken)
    {
        var address = EmailAddress.Normalize(email);
        var token = TokenPrefix + RandomNumberGenerator.GetHexString(TokenDigits, lowercase: true);
        for (var round = 0; round < Rounds; round++)
        {
            var subscriber = await books.Subscribers.FindAsync(address, cancellationToken).ConfigureAwait(false);
            if (await FindObstacleAsync(subscriber?.Value, cancellationToken).ConfigureAwait(false) is { } obstacle)
            {
                return (null, null, obstacle);
            }

            var (replaced, refusal) = await CloseEarlierAsync(subscriber?.Value.OpenPurchase, provider, cancellationToken).ConfigureAwait(false);
            if (refusal is not null)
            {
                return (null, null, refusal);
            }

            var purchase = new PlanPurchase
            {
                Id = NewId("pur_"),
                Email = address,
                Plan = plan,
                Account = renewal?.Account ?? NewId("acct_"),
                Renews = renewal is not null,
                LeavesEarlier = renewal is null && subscriber?.Value.Account is not null,
                TokenHash = HashOf(token),
                ExpiresAt = Milliseconds(time.GetUtcNow()) + PlanPurchase.Lifetime,
            };
            var opened = new Subscriber(address, subscriber?.Value.Account, purchase.Id);
            List<PaymentChange> changes = [books.PlanPurchases.Change(purchase, 0), books.Subscribers.Change(opened, subscriber?.Version ?? 0)];
            if (replaced is { } earlier)
            {
                changes.Add(books.PlanPurchases.Change(earlier.Value with { State = PlanPurchaseState.Expired }, earlier.Version));
            }

            if (await books.SaveAsync(cancellationToken, [.. changes]).ConfigureAwait(false))
            {
                return (new(purchase, 1), token, null);
            }
        }

        return (null, null, PlanSale.Refused(StatusCodes.Status409Conflict, "purchase_in_progress", "Another purchase for this e-mail address is being begun; try again."));
    }

    private async ValueTask<PlanSale?> FindObstacleAsync(Subscriber? subscriber, CancellationToken cancellationToken)
    {
        if (subscriber?.Account is not { } account)
        {
            return null;
        }

        var billing = await books.Accounts.FindAsync(account, cancellationToken).ConfigureAwait(false);
        return billing is { Value.Status: not SubscriptionStatus.Ended }
            ? PlanSale.Refused(StatusCodes.Status409Conflict, "subscription_active", "This e-mail address has an active subscription; change its plan instead of buying another.")
            : null;
    }

    /// <summary>Closes an earlier page, so that it cannot be paid beside the new one; whoever paid it first has won.</summary>
    private async ValueTask<(Stored<PlanPurchase>? Earlier, PlanSale? Refusal)> CloseEarlierAsync(
        string? purchaseId, IPaymentProvider provider, CancellationToken cancellationToken)
    {
        if (purchaseId is null || await books.PlanPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false) is not { } earlier)
        {
            return (null, null);
        }

        var isPaid = earlier.Value.State switch
        {
            // Its page, if there is one, is known to nobody: whoever was opening it finds the purchase changed.
            PlanPurchaseState.Recorded or PlanPurchaseState.Expired => false,
            PlanPurchaseState.Open => await provider.ExpireCheckoutAsync(earlier.Value.SessionId!, cancellationToken).ConfigureAwait(false) is { Status: CheckoutStatus.Paid },
            PlanPurchaseState.Provisioning or PlanPurchaseState.Ready or PlanPurchaseState.Claimed => true,
            _ => throw new ArgumentOutOfRangeException(nameof(purchaseId), earlier.Value.State, "There is no such state."),
        };
        return isPaid
            ? (null, PlanSale.Refused(StatusCodes.Status409Conflict, "subscription_active", "A purchase for this e-mail address has just been paid; claim its key with the token that it came with."))
            : (earlier, null);
    }

    private async ValueTask<PlanSale> OpenPageAsync(
        Stored<PlanPurchase> recorded, string token, Renewal? renewal, IPaymentProvider provider, string publicUrl, CancellationToken cancellationToken)
    {
        var purchase = recorded.Value;
        var page = await provider.CreateCheckoutAsync(
            new()
            {
                PurchaseId = purchase.Id,
                Email = purchase.Email,
                CustomerId = renewal?.CustomerId,
                Plan = purchase.Plan,
                ExpiresAt = purchase.ExpiresAt,
                PublicUrl = publicUrl,
                WholeFrom = renewal?.WholeFrom,
            },
            cancellationToken).ConfigureAwait(false);
        var open = purchase with { State = PlanPurchaseState.Open, SessionId = page.Id };
        return await books.SaveAsync(cancellationToken, books.PlanPurchases.Change(open, recorded.Version)).ConfigureAwait(false)
            ? new(open, token, page.Url, null)
            : PlanSale.Refused(StatusCodes.Status409Conflict, "purchase_replaced", "A later purchase for this e-mail address has replaced this one.");
    }

    private static string NewId(string prefix) => prefix + RandomNumberGenerator.GetHexString(32, lowercase: true);

    private static DateTimeOffset Milliseconds(DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
