using System.Security.Cryptography;
using System.Text;
using Metering.Engine;
using Metering.Gateway;
using Metering.Gateway.Admin;

namespace Metering.Cli;

/// <summary>
/// Lets lines take effect, each once for ever: balances and records by their external reference, a key by an id that follows from the line's, an account by
/// being there. Lines of different accounts may come at once, those of one account one after another.
/// </summary>
internal sealed class LineImport(OpenStore store, DirectoryBatch batch, FreshKeys? freshKeys, ImportReport report, TimeProvider time)
{
    // A ledger that is busy for longer is no busy ledger.
    private const int Attempts = 10;

    // What an account has when it was opened a moment ago: its first period, and nothing else.
    private const int FirstTransactions = 8;

    private const int PageSize = 1_000;

    private readonly ICreditMeter meter = store.Meter;

    /// <summary>Lets a line take effect, and counts it.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger does not answer.</exception>
    public Task ApplyAsync(ImportLine line, CancellationToken cancellationToken) => line switch
    {
        AccountLine account => ApplyAsync(account, cancellationToken),
        BalanceLine balance => ApplyAsync(balance, cancellationToken),
        RecordsLine records => ApplyAsync(records, cancellationToken),
        KeyLine key => ApplyAsync(key, cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(line), line, "There is no such kind of line."),
    };

    private async Task ApplyAsync(AccountLine line, CancellationToken cancellationToken)
    {
        var request = new OpenAccountRequest { Plan = line.Plan, Anchor = line.Anchor, PaidThrough = line.PaidThrough };
        var opened = await TakeAsync(() => meter.OpenAccountAsync(line.Account, request, cancellationToken), cancellationToken);
        var isNew = opened.IsSuccess;
        TransactionPage? beginning = null;
        if (opened.Refusal?.Reason == RefusalReason.AccountExists)
        {
            opened = await TakeAsync(() => meter.GetBalanceAsync(line.Account, cancellationToken), cancellationToken);
            beginning = opened.IsSuccess ? await ReadBeginningAsync(line.Account, cancellationToken) : null;
        }

        if (!opened.TryGet(out var balance, out var refusal))
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        // What the account's beginning shows to be in is in, whatever became of its plan since.
        var isIn = beginning?.Items.Any(transaction => IsOf(line, transaction)) ?? false;
        if (!isIn && balance.Plan != line.Plan && !BeganOn(line.Plan, beginning))
        {
            report.Reject(line, "plan", $"plan is \"{line.Plan}\", and the account exists already on \"{balance.Plan}\"; nothing was changed.");
            return;
        }

        if (!isIn && await SetMonthlyAsync(line, balance, beginning, cancellationToken) is { } fault)
        {
            report.Reject(line, "monthlyCredits", fault);
            return;
        }

        if (line.Profile is { } profile)
        {
            await batch.AddAsync(profile with { CreatedAt = profile.CreatedAt == DateTimeOffset.UnixEpoch ? Now : profile.CreatedAt }, cancellationToken);
        }

        Count(isNew);
    }

    /// <summary>
    /// Takes off what was spent of the period before the import. It is the first thing that happens to an opened account, so that a run after a kill sees
    /// from the account's transactions whether it was done.
    /// </summary>
    /// <param name="line">The line.</param>
    /// <param name="balance">The account's balance.</param>
    /// <param name="beginning">The first transactions of an account that was there; null for one that was opened now.</param>
    /// <param name="cancellationToken">Cancels the reads.</param>
    /// <returns>Why it cannot be; null where it is done.</returns>
    private async Task<string?> SetMonthlyAsync(AccountLine line, Balance balance, TransactionPage? beginning, CancellationToken cancellationToken)
    {
        if (line.MonthlyCredits is not { } left)
        {
            return null;
        }

        var whole = FirstAllotment(beginning) ?? balance.Monthly;
        if (left > whole)
        {
            return $"monthlyCredits is {left}, and the current period has {whole}; what is above belongs into a balance line (bonus, with expiresAt).";
        }

        if (left == whole)
        {
            return null;
        }

        if (beginning is { Total: > 1 })
        {
            return balance.Monthly == left || await IsSettledAsync(line, cancellationToken)
                ? null
                : $"An earlier run broke off before it took off what was spent of the month, and the account was used since; take it off by hand: metering account adjust {line.Account} --amount={left - whole} --reason=\"{ReasonOf(line)}\".";
        }

        var adjust = new AdjustRequest { Amount = left - whole, Reason = ReasonOf(line), IdempotencyKey = $"import-{Digest(line)[..32]}" };
        return (await TakeAsync(() => meter.AdjustAsync(line.Account, adjust, cancellationToken), cancellationToken)).Refusal?.Message;
    }

    /// <summary>True where a line's adjustment stands anywhere in the account, or the month that it is about is over.</summary>
    private async Task<bool> IsSettledAsync(AccountLine line, CancellationToken cancellationToken)
    {
        long? before = null;
        while (true)
        {
            var query = new TransactionQuery { Before = before, Limit = PageSize };
            var page = (await TakeAsync(() => meter.ListTransactionsAsync(line.Account, query, cancellationToken), cancellationToken)).Value;
            if (page.Items.Any(transaction => IsOf(line, transaction) || (transaction.Type == TransactionType.MonthlyReset && transaction.Id.Number > 1)))
            {
                return true;
            }

            if (page.Items.Count < PageSize)
            {
                return false;
            }

            before = page.Items[^1].Id.Number;
        }
    }

    private async Task<TransactionPage> ReadBeginningAsync(AccountId account, CancellationToken cancellationToken)
    {
        var query = new TransactionQuery { Before = FirstTransactions + 1, Limit = FirstTransactions };
        return (await TakeAsync(() => meter.ListTransactionsAsync(account, query, cancellationToken), cancellationToken)).Value;
    }

    // An account on another plan now may have begun on the line's: an account is imported by being there, and plans change.
    private bool BeganOn(string plan, TransactionPage? beginning) =>
        FirstAllotment(beginning) is { } allotment && store.Catalogue.Plans.TryGetValue(plan, out var known) && known.MonthlyCredits == allotment;

    private static Credits? FirstAllotment(TransactionPage? beginning) =>
        beginning?.Items is [.., { Type: TransactionType.MonthlyReset, Id.Number: 1 } first] ? first.Amount : null;

    private static bool IsOf(AccountLine line, Transaction transaction) => transaction.Type == TransactionType.Adjustment && transaction.Description == ReasonOf(line);

    private static string ReasonOf(AccountLine line) => $"Spent before the import ({line.Id})";

    private async Task ApplyAsync(BalanceLine line, CancellationToken cancellationToken)
    {
        var grant = new GrantRequest
        {
            Source = line.Source,
            Amount = line.Amount,
            ExpiresAt = line.ExpiresAt,
            Description = line.Description ?? "Imported credits",
            ExternalReference = line.Reference,
        };
        var granted = await TakeAsync(() => meter.GrantAsync(line.Account, grant, cancellationToken), cancellationToken);
        if (granted.Refusal is { } refusal && refusal.Reason != RefusalReason.ReferenceUsed)
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        Count(granted.IsSuccess);
    }

    private async Task ApplyAsync(RecordsLine line, CancellationToken cancellationToken)
    {
        var request = new StartRecordsRequest { Records = line.Records, ExternalReference = line.Reference };
        var started = await TakeAsync(() => meter.StartRecordsAsync(line.Account, request, cancellationToken), cancellationToken);
        if (started.Refusal is { } refusal && refusal.Reason != RefusalReason.ReferenceUsed)
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        Count(started.IsSuccess);
    }

    private async Task ApplyAsync(KeyLine line, CancellationToken cancellationToken)
    {
        if ((await TakeAsync(() => meter.GetBalanceAsync(line.Account, cancellationToken), cancellationToken)).Refusal is { } unknown)
        {
            report.Reject(line, unknown.Field ?? "account", unknown.Message);
            return;
        }

        // The id first: a key that is in is known as such also when its end is past.
        var id = "key_" + Digest(line)[..24];
        if ((await store.Directory.ListKeysAsync(line.Account, cancellationToken)).Any(stored => stored.Id == id))
        {
            report.Keep();
            return;
        }

        if (line.ExpiresAt <= Now)
        {
            report.Reject(line, "expiresAt", "expiresAt must be in the future.");
            return;
        }

        var isSandbox = await store.Sandboxes.FindOwnerAsync(line.Account, cancellationToken) is not null;
        if (isSandbox && line.Scopes.HasFlag(ApiKeyScopes.Admin))
        {
            report.Reject(line, "scopes", $"scopes must not hold admin: {line.Account} is a sandbox, and operators act on every account.");
            return;
        }

        var fresh = ApiKeys.Create(line.Account, line.Name, line.Scopes, line.CreatedAt ?? Now, line.ExpiresAt, SandboxAccounts.PrefixOf(isSandbox));
        if (line.Hash is null)
        {
            freshKeys?.Tell(line, fresh.Key); // Nobody in a dry run, whose keys are forgotten.
        }

        var key = fresh.Stored with { Id = id, Hash = line.Hash ?? fresh.Stored.Hash, Display = line.Display ?? fresh.Stored.Display };
        await batch.AddAsync(key, line, cancellationToken);
    }

    private void Count(bool isNew)
    {
        if (isNew)
        {
            report.Import();
        }
        else
        {
            report.Keep();
        }
    }

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());

    private static string Digest(ImportLine line) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{line.Account}\n{line.Reference}")));

    /// <summary>Takes a step, again where the ledger asks for it: each takes effect once, however often it is taken.</summary>
    private async Task<Outcome<T>> TakeAsync<T>(Func<ValueTask<Outcome<T>>> step, CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await step();
            if (outcome.Refusal is not { Reason: RefusalReason.Overloaded or RefusalReason.LedgerUnavailable or RefusalReason.OutcomeUnknown } refusal)
            {
                return outcome;
            }

            if (attempt == Attempts)
            {
                throw new LedgerUnavailableException($"{refusal.Message} Run the same command again to go on.");
            }

            await Task.Delay(refusal.RetryAfter ?? TimeSpan.FromSeconds(1), time, cancellationToken);
        }
    }
}
