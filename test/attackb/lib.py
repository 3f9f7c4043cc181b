import requests,re,html,time,hmac,hashlib,base64,struct,urllib3,sys,threading,json
urllib3.disable_warnings()
A="http://localhost:18991"; B="https://localhost:18992"; C="https://localhost:18994"
class Br:
    def __init__(s,base,src=None):
        s.base=base; s.s=requests.Session(); s.s.verify=False; s.s.trust_env=False; s.secret=None
        s.s.headers.update({"User-Agent":"Test/1","Accept":"text/html,*/*;q=0.8","Accept-Language":"en","Sec-Fetch-Site":"same-origin","Sec-Fetch-Mode":"navigate","Sec-Fetch-Dest":"document"})
        if src:
            from requests.adapters import HTTPAdapter
            class Ad(HTTPAdapter):
                def init_poolmanager(self,*a,**k):
                    k['source_address']=(src,0); super().init_poolmanager(*a,**k)
            s.s.mount('http://',Ad()); s.s.mount('https://',Ad())
    def get(s,p,**k):
        k.setdefault('allow_redirects',False); return s.s.get(s.base+p,timeout=150,**k)
    def post(s,p,d=None,**k):
        k.setdefault('allow_redirects',False); h=k.pop('headers',{}); h={"Origin":s.base,**h}
        return s.s.post(s.base+p,data=d,headers=h,timeout=150,**k)
    def csrf(s,p="/login"):
        r=s.get(p); m=re.search(r'name=csrf value=(\w+)',r.text)
        return m and m.group(1)
    def login(s,u,**k):
        c=s.csrf()
        return s.post("/login",{"csrf":c,"user":u,"pw":"pw-"+u,**k})
    def code(s,off=0): return totp(s.secret,off)
    def enrol(s,off=-1):
        r=s.get("/two-factor/setup"); t=html.unescape(r.text)
        s.secret=re.search(r'otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)',t).group(1)
        st=re.search(r'name="setup" value="([^"]+)"',t).group(1)
        r=s.post("/two-factor/setup",{"setup":st,"code":s.code(off)})
        assert r.status_code==303,(r.status_code,r.text[:800])
        r=s.get("/two-factor/backup-codes")
        s.backup=re.findall(r'[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}',r.text)
        s.backup=list(dict.fromkeys(s.backup))
        return s
    def pas(s,code): return s.post("/two-factor/challenge",{"code":code})
def totp(sec,off=0):
    k=base64.b32decode(sec); t=int(time.time()//30)+off
    h=hmac.new(k,struct.pack(">Q",t),hashlib.sha1).digest(); o=h[-1]&15
    return "%06d"%((struct.unpack(">I",h[o:o+4])[0]&0x7fffffff)%10**6)
def show(r): return r.status_code, r.headers.get('Location'), r.text[:120].replace("\n"," "), r.headers.get_all('Set-Cookie') if hasattr(r.headers,'get_all') else r.headers.get('Set-Cookie','')[:150]
