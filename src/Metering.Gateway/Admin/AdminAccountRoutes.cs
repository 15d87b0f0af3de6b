using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Metering.Gateway.Setup;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators' accounts: open, find, look at, erase personal texts.</summary>
internal static class AdminAccountRoutes
{
    private const int MaxEmail = 254;

    public const string AccountExample = """
        {"id": "acme", "email": "ann@acme.example", "firstName": "Ann", "lastName": "Lee", "companyName": "Acme", "companyWebsite": "https://acme.example",
          "createdAt": "2026-05-01T00:00:00.000Z", "sandbox": null, "status": "active", "statusReason": "", "plannedPlan": null, "endsAt": null,
          "terms": {"plan": "starter", "planVersion": 1, "monthlyCredits": 100, "unlimited": false, "accessLevel": "platform"},
          "balance": {"monthly": 82, "bonus": 25, "permanent": 0, "held": 0, "available": 107, "creditLimit": 0, "owed": 0, "periodEnd": "2026-06-01T00:00:00.000Z", "paidThrough": null, "graceEndsAt": null}}
        """;

    private static readonly Dictionary<string, string> Fields = new()
    {
        ["id"] = $"an account's id: 1 to {AccountId.MaxLength} characters of A-Z a-z 0-9 . _ : -, or be left out",
        ["email"] = $"an e-mail address of at most {MaxEmail} characters",
        ["firstName"] = $"a text of at most {CommandRules.MaxReference} characters",
        ["lastName"] = $"a text of at most {CommandRules.MaxReference} characters",
        ["companyName"] = $"a text of at most {CommandRules.MaxReference} characters",
        ["companyWebsite"] = WebAddress.Rule(CommandRules.MaxReference),
        ["plan"] = "a plan of the catalogue",
        ["anchor"] = AdminValues.InstantRule,
        ["paidThrough"] = AdminValues.InstantRule,
        ["key"] = "an object with the name and the scopes of a first key, or be left out",
        ["key.name"] = AdminKeyRoutes.NameRule,
        ["key.scopes"] = AdminValues.ScopesRule,
        ["key.scopes[]"] = "a text",
        ["key.expiresAt"] = AdminValues.InstantRule,
        ["key.sandbox"] = "true or false",
    };

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("accounts").WithTags("Administration: accounts");
        group.MapPost("", Create)
            .Document("Open an account, with a first key where one is asked for", new()
            {
                RequestType = typeof(AdminAccountCreateBody),
                RequestExample = """
                    {"id": "acme", "email": "ann@acme.example", "companyName": "Acme", "plan": "starter", "key": {"name": "First key", "scopes": ["read", "spend"]}}
                    """,
                ResponseExample = $$"""{"account": {{AccountExample}}, "key": {{AdminKeyRoutes.NewKeyExample}}}""",
                Changes = true,
            })
            .Produces<AdminAccountCreatedBody>(StatusCodes.Status201Created)
            .ProducesProblems(400, 401, 403, 409, 413, 415, 422, 500, 503);
        group.MapGet("", Search)
            .Document("Accounts with a profile, by what id, e-mail address or company begin with", new()
            {
                Query =
                [
                    new("id", "What the id begins with, case-sensitive.", Example: "ac"),
                    new("email", "What the e-mail address begins with, in any case of A to Z.", Example: "ann@"),
                    new("company", "What the company's name begins with, in any case of A to Z; other letters as they were written.", Example: "acme"),
                    .. AdminValues.ListParameters,
                ],
                ResponseExample = """
                    {"accounts": [{"id": "acme", "email": "ann@acme.example", "firstName": "Ann", "lastName": "Lee", "companyName": "Acme",
                      "companyWebsite": "https://acme.example", "createdAt": "2026-05-01T00:00:00.000Z"}], "nextCursor": null}
                    """,
            })
            .Produces<AdminAccountListBody>()
            .ProducesProblems(400, 401, 403, 500, 503);
        group.MapGet("{id}", Get)
            .Document("An account: profile, terms, balance", new() { ResponseExample = AccountExample })
            .Produces<AdminAccountBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapPost("{id}/erase", Erase)
            .Document(
                "Erase what profile, ledger, names of keys and keywords of the account and of its sandbox hold as texts; amounts, the chain's proof and keys stay, and so do"
                + " records of payments with their e-mail address, which the law keeps. A second time finds nothing left to erase, so that no Idempotency-Key is needed", new()
            {
                ResponseExample = $$"""{"id": "acme", "profileErased": true, "entriesErased": 17, "sandbox": null, "stays": "{{AdminErasedBody.WhatStays}}"}""",
            })
            .Produces<AdminErasedBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
    }

    private static async Task<IResult> Create(HttpContext context, AdminDesk desk, AdminAccounts accounts)
    {
        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminAccountCreateBody, Fields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure) || (failure = Check(request, out var opening)) is not null)
        {
            return failure.ToResult();
        }

        if (request.Id is null)
        {
            opening = opening with { Account = new("acct_" + AdminDesk.MakeId(context, "account")) };
        }

        var asked = new AdminAction("account.create", opening.Account, new()
        {
            ["plan"] = opening.Request.Plan,
            ["anchor"] = opening.Request.Anchor?.ToWire(),
            ["paidThrough"] = opening.Request.PaidThrough?.ToWire(),
            ["key"] = opening.Key?.Summary(),
        });
        return await desk.TakeOnceAsync(context, asked, request, AdminJson.Default.AdminAccountCreateBody, once => accounts.OpenAsync(opening, once)).ConfigureAwait(false);
    }

    private static async Task<IResult> Search(HttpContext context, IProfileRegister register)
    {
        var request = context.Request;
        (string? id, string? email, string? company, int limit, AccountId? cursor) = (null, null, null, 0, null);
        if ((AdminValues.ReadText(request, "id", out id) ?? AdminValues.ReadText(request, "email", out email) ?? AdminValues.ReadText(request, "company", out company)
            ?? AdminValues.ReadLimit(request, out limit) ?? AdminValues.ReadAccount(request, "cursor", out cursor)) is { } failure)
        {
            return failure.ToResult();
        }

        var found = await register.SearchAsync(
            new() { IdPrefix = id, Email = email, Company = company, After = cursor, Limit = limit }, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(
            new AdminAccountListBody([.. found.Select(AdminProfileBody.Of)], found.Count == limit ? found[^1].Account.Value : null), AdminJson.Default.AdminAccountListBody);
    }

    private static async Task<IResult> Get(string id, HttpContext context, AdminAccounts accounts)
    {
        if (AdminValues.ReadAccount(id, out var account) is { } failure)
        {
            return failure.ToResult();
        }

        var (body, refusal) = await accounts.FindAsync(account, context.RequestAborted).ConfigureAwait(false);
        return body is null ? refusal!.ToResult() : JsonAnswer.Of(body, AdminJson.Default.AdminAccountBody);
    }

    private static async Task<IResult> Erase(string id, HttpContext context, AdminDesk desk, AdminAccounts accounts)
    {
        if ((AdminValues.ReadAccount(id, out var account) ?? IdempotencyKeys.Read(context.Request, out _)) is { } failure)
        {
            return failure.ToResult();
        }

        return await desk.TakeAsync(context, new("account.erase", account, []), () => accounts.EraseAsync(account)).ConfigureAwait(false);
    }

    private static Failure? Check(AdminAccountCreateBody request, out AccountOpening opening)
    {
        opening = new(default, new() { Plan = request.Plan ?? string.Empty }, request, null);
        AccountId account = default;
        (DateTimeOffset? anchor, DateTimeOffset? paidThrough, KeyOrder? key) = (null, null, null);
        var failure = request.Id is null ? null : AdminValues.ReadAccount(request.Id, out account);
        failure ??= request.Id?.StartsWith(SandboxAccounts.IdPrefix, StringComparison.Ordinal) ?? false
            ? Failure.Invalid("id", $"id begins with {SandboxAccounts.IdPrefix}, which names sandboxes; choose another one.")
            : null;
        failure ??= AdminValues.CheckPlan(request.Plan);
        failure ??= CheckTexts(request) ?? AdminValues.ReadInstant("anchor", request.Anchor, out anchor) ?? AdminValues.ReadInstant("paidThrough", request.PaidThrough, out paidThrough);
        failure ??= request.Key is null ? null : KeyOrder.Read("key.", request.Key, out key);
        opening = new(account, new() { Plan = request.Plan ?? string.Empty, Anchor = anchor, PaidThrough = paidThrough }, request, key);
        return failure;
    }

    private static Failure? CheckTexts(AdminAccountCreateBody request)
    {
        if (request.Email is { } email && (email.Length > MaxEmail || email.IndexOf('@', StringComparison.Ordinal) is < 1 || email.EndsWith('@') || email.Contains(' ', StringComparison.Ordinal)))
        {
            return Failure.Invalid("email", $"email must be {Fields["email"]}.");
        }

        if (request.CompanyWebsite is { Length: > 0 } website && !WebAddress.Is(website))
        {
            return Failure.Invalid("companyWebsite", $"companyWebsite must be {Fields["companyWebsite"]}.");
        }

        var refusal = CommandRules.CheckText("email", request.Email, MaxEmail)
            ?? CommandRules.CheckText("firstName", request.FirstName, CommandRules.MaxReference)
            ?? CommandRules.CheckText("lastName", request.LastName, CommandRules.MaxReference)
            ?? CommandRules.CheckText("companyName", request.CompanyName, CommandRules.MaxReference)
            ?? CommandRules.CheckText("companyWebsite", request.CompanyWebsite, CommandRules.MaxReference);
        return refusal is null ? null : Failure.Of(refusal);
    }
}

/// <summary>An account to be opened.</summary>
/// <param name="Account">Its id, as it was asked for or made.</param>
/// <param name="Request">What the ledger needs.</param>
/// <param name="Profile">The request, for its profile.</param>
/// <param name="Key">Its first key; null for none.</param>
internal sealed record AccountOpening(AccountId Account, OpenAccountRequest Request, AdminAccountCreateBody Profile, KeyOrder? Key);

/// <summary>What operators do with accounts.</summary>
internal sealed class AdminAccounts(
    ICreditMeter meter, IDirectoryStore directory, IProfileRegister register, IPersonalTexts texts, IAnswerStore answers,
    SandboxAccounts sandboxes, IPlanVersionStore plans, AdminKeys keys, AccountSettingsBook settings,
    TimeProvider time)
{
    /// <summary>
    /// Opens an account: the ledger first, whose refusal leaves nothing behind, then the profile, then the key. What would refuse the key is looked at
    /// before, so that a refused request leaves no account behind.
    /// </summary>
    /// <param name="opening">The account.</param>
    /// <param name="once">The idempotency key, from which the key's id follows; null for none.</param>
    public async Task<AdminAnswer> OpenAsync(AccountOpening opening, OnceKey? once)
    {
        var (account, now) = (opening.Account, time.GetUtcNow());
        var failure = opening.Key?.CheckAt("key.", now);
        failure ??= opening.Key is { IsSandbox: true } ? await sandboxes.CheckFreeAsync(account, CancellationToken.None).ConfigureAwait(false) : null;
        if (failure is not null)
        {
            return AdminAnswer.Of(failure);
        }

        var opened = await meter.OpenAccountAsync(account, opening.Request).ConfigureAwait(false);
        if (!opened.IsSuccess
            && !(opened.Refusal!.Reason == RefusalReason.AccountExists && once is { IsUnfinished: true } && await IsOwnBeginningAsync(opening, once).ConfigureAwait(false)))
        {
            return AdminAnswer.Of(opened.Refusal!);
        }

        await directory.TryAddProfileAsync(ProfileOf(account, opening.Profile)).ConfigureAwait(false);
        AdminNewKeyBody? key = null;
        if (opening.Key is { } order)
        {
            (key, failure) = await keys.MakeAsync(account, order, once, now).ConfigureAwait(false);
            if (failure is not null)
            {
                return AdminAnswer.Of(failure);
            }
        }

        var (body, refusal) = await FindAsync(account, CancellationToken.None).ConfigureAwait(false);
        return body is null
            ? AdminAnswer.Of(refusal!)
            : AdminAnswer.Of(new AdminAccountCreatedBody(body, key), AdminJson.Default.AdminAccountCreatedBody, StatusCodes.Status201Created) with
            {
                KeptBody = AdminAnswer.Of(new AdminAccountCreatedBody(body, key?.WithoutSecret()), AdminJson.Default.AdminAccountCreatedBody).Body,
            };
    }

    /// <summary>
    /// True where an account is what a request that broke off can have made: on its plan, with its profile or none yet, and with no key but its own. An
    /// earlier request may have begun without coming so far, and the account may be somebody else's.
    /// </summary>
    private async ValueTask<bool> IsOwnBeginningAsync(AccountOpening opening, OnceKey once)
    {
        var account = opening.Account;
        var balance = await meter.GetBalanceAsync(account).ConfigureAwait(false);
        if (!balance.TryGet(out var present, out _) || present.Plan != opening.Request.Plan || present.PaidThrough != opening.Request.PaidThrough)
        {
            return false;
        }

        var own = AdminKeys.IdOf(once);
        return await directory.FindProfileAsync(account).ConfigureAwait(false) is var profile
            && (profile is null || profile == ProfileOf(account, opening.Profile) with { CreatedAt = profile.CreatedAt })
            && (await directory.ListKeysAsync(account).ConfigureAwait(false)).All(key => opening.Key is not null && key.Id == own);
    }

    /// <summary>The account as operators see it, or why it cannot be shown.</summary>
    public async Task<(AdminAccountBody? Body, Failure? Failure)> FindAsync(AccountId account, CancellationToken cancellationToken)
    {
        var outcome = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return (null, Failure.Of(refusal));
        }

        var profile = await directory.FindProfileAsync(account, cancellationToken).ConfigureAwait(false);
        var versions = await plans.ListAsync(balance.Plan, cancellationToken).ConfigureAwait(false);
        return (AdminAccountBody.Of(
            account, profile, balance, versions.FirstOrDefault(version => version.HasTermsOf(balance))?.Number, await sandboxes.FindAsync(account, cancellationToken).ConfigureAwait(false)), null);
    }

    /// <summary>Gives an account a command, and answers with the account as it is then.</summary>
    /// <param name="account">The account.</param>
    /// <param name="command">The command.</param>
    /// <param name="follow">What follows from it; it returns what to tell of the account's subscription, null for nothing.</param>
    public async Task<AdminAnswer> AnswerAsync(AccountId account, Func<ValueTask<Outcome<Balance>>> command, Func<ValueTask<string?>>? follow = null)
    {
        var outcome = await command().ConfigureAwait(false);
        if (outcome.Refusal is { } refusal)
        {
            return AdminAnswer.Of(refusal);
        }

        var subscription = follow is null ? null : await follow().ConfigureAwait(false);
        var (body, failure) = await FindAsync(account, CancellationToken.None).ConfigureAwait(false);
        return body is null
            ? AdminAnswer.Of(failure!)
            : AdminAnswer.Of(body with { Subscription = subscription }, AdminJson.Default.AdminAccountBody) with { IsReplay = outcome.IsReplay };
    }

    /// <summary>Erases the texts of profile, keys, settings and ledger, of the sandbox too, and answers kept for retries that repeat them.</summary>
    public async Task<AdminAnswer> EraseAsync(AccountId account)
    {
        var outcome = await meter.GetBalanceAsync(account).ConfigureAwait(false);
        if (!outcome.IsSuccess)
        {
            return AdminAnswer.Of(outcome.Refusal!);
        }

        var hadProfile = await register.EraseAsync(account).ConfigureAwait(false);
        await answers.ForgetAsync($$"""{"account":{"id":"{{account}}",""").ConfigureAwait(false);
        await settings.EraseKeywordsAsync(account, CancellationToken.None).ConfigureAwait(false);
        var entries = await texts.EraseTextsAsync(account).ConfigureAwait(false);
        var twin = await sandboxes.FindAsync(account, CancellationToken.None).ConfigureAwait(false);
        if (twin is { } sandbox)
        {
            await answers.ForgetAsync($$"""{"account":{"id":"{{sandbox}}",""").ConfigureAwait(false);
            await register.EraseAsync(sandbox).ConfigureAwait(false);
            await settings.EraseKeywordsAsync(sandbox, CancellationToken.None).ConfigureAwait(false);
            entries += await texts.EraseTextsAsync(sandbox).ConfigureAwait(false);
        }

        return AdminAnswer.Of(new AdminErasedBody(account.Value, hadProfile, entries, twin?.Value, AdminErasedBody.WhatStays), AdminJson.Default.AdminErasedBody);
    }

    private AccountProfile ProfileOf(AccountId account, AdminAccountCreateBody request) => new()
    {
        Account = account,
        Email = request.Email ?? string.Empty,
        FirstName = request.FirstName,
        LastName = request.LastName,
        CompanyName = request.CompanyName,
        CompanyWebsite = request.CompanyWebsite,
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()),
    };
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminAccountCreateBody
{
    public string? Id { get; init; }

    public string? Email { get; init; }

    public string? FirstName { get; init; }

    public string? LastName { get; init; }

    public string? CompanyName { get; init; }

    public string? CompanyWebsite { get; init; }

    public string? Plan { get; init; }

    public string? Anchor { get; init; }

    public string? PaidThrough { get; init; }

    public AdminKeyCreateBody? Key { get; init; }
}

internal sealed record AdminAccountCreatedBody(AdminAccountBody Account, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AdminNewKeyBody? Key);

internal sealed record AdminAccountListBody(IReadOnlyList<AdminProfileBody> Accounts, string? NextCursor);

/// <summary>What was erased.</summary>
/// <param name="Id">The account.</param>
/// <param name="ProfileErased">True where it had a profile.</param>
/// <param name="EntriesErased">Entries of the ledgers whose texts this call erased.</param>
/// <param name="Sandbox">The account's sandbox, whose texts were erased too; null for none.</param>
/// <param name="Stays">What this does not erase, for people.</param>
internal sealed record AdminErasedBody(string Id, bool ProfileErased, long EntriesErased, string? Sandbox, string Stays)
{
    public const string WhatStays =
        "Records of payments with their e-mail address, which the law keeps; answers to operators' retries, with names of keys, for up to 48 hours; backups, until they expire.";
}

internal sealed record AdminProfileBody(
    string Id, string Email, string? FirstName, string? LastName, string? CompanyName, string? CompanyWebsite, string CreatedAt)
{
    public static AdminProfileBody Of(AccountProfile profile) => new(
        profile.Account.Value, profile.Email, profile.FirstName, profile.LastName, profile.CompanyName, profile.CompanyWebsite, profile.CreatedAt.ToWire());
}

/// <summary>What the account was promised when it came to its plan.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="PlanVersion">The newest version of the plan with these terms; null where none of the versions that ran here has them.</param>
/// <param name="MonthlyCredits">Its allotment a period.</param>
/// <param name="Unlimited">True where calls are recorded at 0.</param>
/// <param name="AccessLevel">What it gives access to.</param>
internal sealed record AdminTermsBody(string Plan, int? PlanVersion, Credits MonthlyCredits, bool Unlimited, string AccessLevel);

internal sealed record AdminBalanceBody(
    Credits Monthly, Credits Bonus, Credits Permanent, Credits Held, Credits Available, Credits CreditLimit, Credits Owed, string PeriodEnd, string? PaidThrough, string? GraceEndsAt);

internal sealed record AdminAccountBody
{
    public required string Id { get; init; }

    public required string? Email { get; init; }

    public required string? FirstName { get; init; }

    public required string? LastName { get; init; }

    public required string? CompanyName { get; init; }

    public required string? CompanyWebsite { get; init; }

    public required string? CreatedAt { get; init; }

    public required string? Sandbox { get; init; }

    public required string Status { get; init; }

    public required string StatusReason { get; init; }

    /// <summary>The plan that begins with the next period; null where none is planned.</summary>
    public required string? PlannedPlan { get; init; }

    /// <summary>When the cancelled subscription ends; null where it is not cancelled.</summary>
    public required string? EndsAt { get; init; }

    /// <summary>What becomes of the subscription at the payment provider, for people; only in the answer that closes an account which has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Subscription { get; init; }

    public required AdminTermsBody Terms { get; init; }

    public required AdminBalanceBody Balance { get; init; }

    public static AdminAccountBody Of(AccountId account, AccountProfile? profile, Balance balance, int? planVersion, AccountId? sandbox) => new()
    {
        Id = account.Value,
        Email = profile?.Email,
        FirstName = profile?.FirstName,
        LastName = profile?.LastName,
        CompanyName = profile?.CompanyName,
        CompanyWebsite = profile?.CompanyWebsite,
        CreatedAt = profile?.CreatedAt.ToWire(),
        Sandbox = sandbox?.Value,
        Status = balance.Status.ToName(),
        StatusReason = balance.StatusReason,
        PlannedPlan = balance.PlannedPlan,
        EndsAt = balance.EndsAt?.ToWire(),
        Terms = new(balance.Plan, planVersion, balance.MonthlyAllotment, balance.Unlimited, balance.Level.ToName()),
        Balance = new(
            balance.Monthly, balance.Bonus, balance.Permanent, balance.Held, balance.Available, balance.CreditLimit, balance.Owed, balance.PeriodEnd.ToWire(), balance.PaidThrough?.ToWire(),
            balance.GraceEndsAt?.ToWire()),
    };
}
