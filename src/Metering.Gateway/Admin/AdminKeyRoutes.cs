using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators' look at the keys of an account, sandbox keys included.</summary>
internal static class AdminKeyRoutes
{
    public const string NameRule = "a text of 1 to 100 characters";

    private const string KeyExample = """
        {"id": "key_0123456789abcdef01234567", "account": "acme", "name": "First key", "display": "mtr_01234567", "scopes": ["read", "spend"], "sandbox": false,
          "createdAt": "2026-05-01T00:00:00.000Z", "expiresAt": null, "revokedAt": null}
        """;

    public const string NewKeyExample = """
        {"id": "key_0123456789abcdef01234567", "account": "acme", "name": "First key", "display": "mtr_01234567", "scopes": ["read", "spend"], "sandbox": false,
          "createdAt": "2026-05-01T00:00:00.000Z", "expiresAt": null, "revokedAt": null,
          "key": "mtr_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "notice": "The key is shown only now."}
        """;

    private static readonly Dictionary<string, string> Fields = new()
    {
        ["name"] = NameRule,
        ["scopes"] = AdminValues.ScopesRule,
        ["scopes[]"] = "a text",
        ["expiresAt"] = AdminValues.InstantRule,
        ["sandbox"] = "true or false",
    };

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("accounts/{id}/keys").WithTags("Administration: keys");
        group.MapGet("", List)
            .Document("The keys of an account and of its sandbox, oldest first, expired and revoked ones included", new() { ResponseExample = $$"""{"keys": [{{KeyExample}}]}""" })
            .Produces<AdminKeyListBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapPost("", Create)
            .Document("Make a key; with sandbox: true one of the account's twin, which is never billed", new()
            {
                RequestType = typeof(AdminKeyCreateBody),
                RequestExample = """{"name": "First key", "scopes": ["read", "spend"]}""",
                ResponseExample = NewKeyExample,
                Changes = true,
            })
            .Produces<AdminNewKeyBody>(StatusCodes.Status201Created)
            .ProducesProblems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503);
        group.MapDelete("{keyId}", Revoke)
            .Document("Revoke a key; it opens nothing from then on", new() { ResponseExample = """{"id": "key_0123456789abcdef01234567", "revoked": true}""" })
            .Produces<AdminKeyRevokedBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
    }

    private static async Task<IResult> List(string id, HttpContext context, AdminKeys keys)
    {
        if (AdminValues.ReadAccount(id, out var account) is { } failure)
        {
            return failure.ToResult();
        }

        var (body, refusal) = await keys.ListAsync(account, context.RequestAborted).ConfigureAwait(false);
        return body is null ? refusal!.ToResult() : JsonAnswer.Of(body, AdminJson.Default.AdminKeyListBody);
    }

    private static async Task<IResult> Create(string id, HttpContext context, AdminDesk desk, AdminKeys keys)
    {
        if (AdminValues.ReadAccount(id, out var account) is { } wrong)
        {
            return wrong.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminKeyCreateBody, Fields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure) || (failure = KeyOrder.Read(string.Empty, request, out var order)) is not null)
        {
            return failure.ToResult();
        }

        return await desk.TakeOnceAsync(
            context, new("key.create", account, order!.Summary()), request, AdminJson.Default.AdminKeyCreateBody, once => keys.AnswerAsync(account, order, once)).ConfigureAwait(false);
    }

    private static async Task<IResult> Revoke(string id, string keyId, HttpContext context, AdminDesk desk, AdminKeys keys)
    {
        var failure = AdminValues.ReadAccount(id, out var account);
        failure ??= ApiKeys.IsId(keyId) ? null : AdminKeys.Unknown(account);
        return failure is not null
            ? failure.ToResult()
            : await desk.TakeAsync(context, new("key.revoke", account, new() { ["key"] = keyId }), () => keys.RevokeAsync(account, keyId)).ConfigureAwait(false);
    }
}

/// <summary>A key that an operator asks for.</summary>
internal sealed record KeyOrder(string Name, ApiKeyScopes Scopes, DateTimeOffset? ExpiresAt, bool IsSandbox)
{
    public static Failure AdminOfSandbox(string field) => Failure.Invalid(field, $"{field} must not hold admin for a sandbox key: operators act on every account.");

    /// <summary>Reads a wire record.</summary>
    /// <param name="prefix">What its fields are called by begins with this ("key.").</param>
    /// <param name="body">The record.</param>
    /// <param name="order">The key.</param>
    public static Failure? Read(string prefix, AdminKeyCreateBody body, out KeyOrder? order)
    {
        order = null;
        (ApiKeyScopes scopes, DateTimeOffset? expiresAt) = (default, null);
        var failure = string.IsNullOrEmpty(body.Name) ? Failure.Invalid(prefix + "name", $"{prefix}name must be {AdminKeyRoutes.NameRule}.") : null;
        failure ??= CommandRules.CheckText(prefix + "name", body.Name, 100) is { } refusal ? Failure.Of(refusal) : null;
        failure ??= body.Name!.Length > 100 ? Failure.Invalid(prefix + "name", $"{prefix}name must be {AdminKeyRoutes.NameRule}.") : null;
        failure ??= AdminValues.ReadScopes(prefix + "scopes", body.Scopes, out scopes) ?? AdminValues.ReadInstant(prefix + "expiresAt", body.ExpiresAt, out expiresAt);
        failure ??= body.Sandbox == true && scopes.HasFlag(ApiKeyScopes.Admin)
            ? AdminOfSandbox(prefix + "scopes")
            : null;
        order = failure is null ? new(body.Name!, scopes, expiresAt, body.Sandbox ?? false) : null;
        return failure;
    }

    /// <summary>Why it cannot be made at an instant; null where it can.</summary>
    /// <param name="prefix">What its fields are called by begins with this ("key.").</param>
    /// <param name="now">The time.</param>
    public Failure? CheckAt(string prefix, DateTimeOffset now) =>
        ExpiresAt <= now ? Failure.Invalid(prefix + "expiresAt", $"{prefix}expiresAt must lie in the future.") : null;

    /// <summary>What the audit log says of it. Not its name, which may be a person's.</summary>
    public JsonObject Summary() => new()
    {
        ["scopes"] = new JsonArray([.. Scopes.ToNames().Select(name => JsonValue.Create(name))]),
        ["expiresAt"] = ExpiresAt?.ToWire(),
        ["sandbox"] = IsSandbox,
    };
}

/// <summary>What operators do with keys.</summary>
internal sealed class AdminKeys(ICreditMeter meter, IDirectoryStore directory, ApiKeyDirectory known, SandboxAccounts sandboxes, TimeProvider time)
{
    /// <summary>Makes a key and answers with it.</summary>
    public async Task<AdminAnswer> AnswerAsync(AccountId account, KeyOrder order, OnceKey? once)
    {
        var balance = await meter.GetBalanceAsync(account).ConfigureAwait(false);
        if (!balance.IsSuccess)
        {
            return AdminAnswer.Of(balance.Refusal!);
        }

        var now = time.GetUtcNow();
        AdminNewKeyBody? key = null;
        var failure = order.CheckAt(string.Empty, now);
        if (failure is null)
        {
            (key, failure) = await MakeAsync(account, order, once, now).ConfigureAwait(false);
        }

        return key is null
            ? AdminAnswer.Of(failure!)
            : AdminAnswer.Of(key, AdminJson.Default.AdminNewKeyBody, StatusCodes.Status201Created) with
            {
                KeptBody = AdminAnswer.Of(key.WithoutSecret(), AdminJson.Default.AdminNewKeyBody).Body,
            };
    }

    /// <summary>Makes a key of an account that there is. A sandbox's key is one, whether it is asked for through the owner or by the sandbox's own id.</summary>
    /// <param name="account">The account, or a sandbox.</param>
    /// <param name="order">The key, which can be made at <paramref name="now"/>.</param>
    /// <param name="once">The idempotency key, from which the key's id follows; null for none.</param>
    /// <param name="now">The time of making.</param>
    public async ValueTask<(AdminNewKeyBody? Key, Failure? Failure)> MakeAsync(AccountId account, KeyOrder order, OnceKey? once, DateTimeOffset now)
    {
        if (!order.IsSandbox && await sandboxes.IsSandboxAsync(account, CancellationToken.None).ConfigureAwait(false))
        {
            if (order.Scopes.HasFlag(ApiKeyScopes.Admin))
            {
                return (null, KeyOrder.AdminOfSandbox("scopes"));
            }

            order = order with { IsSandbox = true };
        }
        else if (order.IsSandbox)
        {
            var (twin, failure) = await sandboxes.EnsureAsync(account, CancellationToken.None).ConfigureAwait(false);
            if (twin is null)
            {
                return (null, failure);
            }

            account = twin.Value;
        }

        var key = ApiKeys.Create(account, order.Name, order.Scopes, now, order.ExpiresAt, SandboxAccounts.PrefixOf(order.IsSandbox));
        var stored = once is null ? key.Stored : key.Stored with { Id = IdOf(once) };
        if (once is { IsUnfinished: true } && (await directory.ListKeysAsync(account).ConfigureAwait(false)).FirstOrDefault(made => made.Id == stored.Id) is { } earlier)
        {
            return (AdminNewKeyBody.Of(earlier, order.IsSandbox, secret: null), null); // Stored before the first request broke off; nobody saw it.
        }

        await directory.AddKeyAsync(stored).ConfigureAwait(false);
        return (AdminNewKeyBody.Of(stored, order.IsSandbox, key.Key), null);
    }

    /// <summary>The id of the key that a request with an idempotency key makes.</summary>
    public static string IdOf(OnceKey once) => "key_" + once.Derive("key");

    /// <summary>The keys of an account and its sandbox.</summary>
    public async Task<(AdminKeyListBody? Body, Failure? Failure)> ListAsync(AccountId account, CancellationToken cancellationToken)
    {
        var own = await directory.ListKeysAsync(account, cancellationToken).ConfigureAwait(false);
        if (own.Count == 0 && (await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).Refusal is { } refusal)
        {
            return (null, Failure.Of(refusal));
        }

        var tests = await sandboxes.FindAsync(account, cancellationToken).ConfigureAwait(false) is { } twin
            ? await directory.ListKeysAsync(twin, cancellationToken).ConfigureAwait(false)
            : [];
        var isTwin = await sandboxes.IsSandboxAsync(account, cancellationToken).ConfigureAwait(false);
        return (new([.. own.Select(key => AdminKeyBody.Of(key, isTwin)), .. tests.Select(key => AdminKeyBody.Of(key, true))]), null);
    }

    /// <summary>Revokes a key of an account or of its sandbox.</summary>
    public async Task<AdminAnswer> RevokeAsync(AccountId account, string id)
    {
        var revoked = await known.RevokeAsync(account, id).ConfigureAwait(false)
            || (await sandboxes.FindAsync(account, CancellationToken.None).ConfigureAwait(false) is { } twin && await known.RevokeAsync(twin, id).ConfigureAwait(false));
        return revoked
            ? AdminAnswer.Of(new AdminKeyRevokedBody(id, true), AdminJson.Default.AdminKeyRevokedBody)
            : AdminAnswer.Of(Unknown(account));
    }

    /// <summary>The answer to an id that is none of the account's. It does not repeat the text, which may be a key itself, pasted by mistake.</summary>
    public static Failure Unknown(AccountId account) => new(
        StatusCodes.Status404NotFound, "key_unknown", $"The account {account} has no key of this id (\"key_\" and 24 digits); GET /admin/v1/accounts/{account}/keys lists them.");
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminKeyCreateBody
{
    public string? Name { get; init; }

    public IReadOnlyList<string?>? Scopes { get; init; }

    public string? ExpiresAt { get; init; }

    public bool? Sandbox { get; init; }
}

internal sealed record AdminKeyListBody(IReadOnlyList<AdminKeyBody> Keys);

internal sealed record AdminKeyRevokedBody(string Id, bool Revoked);

internal record AdminKeyBody
{
    public required string Id { get; init; }

    public required string Account { get; init; }

    public required string Name { get; init; }

    public required string Display { get; init; }

    public required string[] Scopes { get; init; }

    public required bool Sandbox { get; init; }

    public required string CreatedAt { get; init; }

    public required string? ExpiresAt { get; init; }

    public required string? RevokedAt { get; init; }

    public static AdminKeyBody Of(ApiKey key, bool isSandbox) => new()
    {
        Id = key.Id,
        Account = key.Account.Value,
        Name = key.Name,
        Display = key.Display,
        Scopes = key.Scopes.ToNames(),
        Sandbox = isSandbox,
        CreatedAt = key.CreatedAt.ToWire(),
        ExpiresAt = key.ExpiresAt?.ToWire(),
        RevokedAt = key.RevokedAt?.ToWire(),
    };
}

internal sealed record AdminNewKeyBody : AdminKeyBody
{
    private const string Shown = "The key is shown only now.";
    private const string Hidden = "The key was shown once, in the first answer to this idempotency key; where that was lost, revoke this key and make another.";

    /// <summary>The whole key; left out where it was shown before.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Key { get; init; }

    public required string Notice { get; init; }

    public static AdminNewKeyBody Of(ApiKey key, bool isSandbox, string? secret) => new()
    {
        Id = key.Id,
        Account = key.Account.Value,
        Name = key.Name,
        Display = key.Display,
        Scopes = key.Scopes.ToNames(),
        Sandbox = isSandbox,
        CreatedAt = key.CreatedAt.ToWire(),
        ExpiresAt = key.ExpiresAt?.ToWire(),
        RevokedAt = key.RevokedAt?.ToWire(),
        Key = secret,
        Notice = secret is null ? Hidden : Shown,
    };

    public AdminNewKeyBody WithoutSecret() => this with { Key = null, Notice = Hidden };
}
