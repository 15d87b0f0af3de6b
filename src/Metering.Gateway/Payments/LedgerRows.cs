using System.Runtime.CompilerServices;
using Metering.Engine;

namespace Metering.Gateway.Payments;

/// <summary>Reads an account's ledger, page by page.</summary>
internal static class LedgerRows
{
    private const int PageSize = 1_000;

    /// <summary>The account's transactions, newest first.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static async IAsyncEnumerable<Transaction> ReadAsync(ICreditMeter meter, AccountId account, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long? before = null;
        do
        {
            var outcome = await meter.ListTransactionsAsync(account, new() { Limit = PageSize, Before = before }, cancellationToken).ConfigureAwait(false);
            if (!outcome.TryGet(out var page, out var refusal))
            {
                throw new LedgerUnavailableException(refusal.Message);
            }

            foreach (var row in page.Items)
            {
                yield return row;
            }

            before = page.NextBefore;
        }
        while (before is not null);
    }
}
