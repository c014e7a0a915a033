use harness_kernels::product::*;
use harness_kernels::simd::*;
use pulp::*;
struct Px<'a>{ v:&'a [(usize,usize,Vec<Run>)] }
impl Pixels for Px<'_>{ #[inline(always)] fn each(&self, mut f: impl FnMut(usize,usize,&[Run])){ for (a,b,r) in self.v { f(*a,*b,r) } } }
struct Go<'a>{ panels:&'a [Panel<f32>], px:&'a Px<'a> }
impl WithSimd for Go<'_>{ type Output=(); fn with_simd<S:Simd>(self,s:S){ for p in self.panels { unsafe{ sweep(s,p,self.px) } } } }
fn main(){
  println!("{}", instruction_set());
  // conv2 of omniglot: 14x14x64 -> 7x7x64 stride 2, pad 0 before
  for (h,oh,cin,cout,stride,b) in [(14usize,7usize,64usize,64usize,2usize,10usize),(42,42,32,32,1,10),(28,14,1,64,2,10),(84,84,3,32,1,10)] {
    let pad = if stride==1 {1} else {0};
    let x=vec![0.5f32; b*h*h*cin]; let w=vec![0.1f32; 9*cin*cout]; let mut out=vec![0f32; b*oh*oh*cout]; let bias=vec![0f32;cout];
    let mut px=vec![]; let mut fl=0usize;
    for oy in 0..oh { for ox in 0..oh {
      let mut runs=vec![];
      for ky in 0..3usize { let iy=(oy*stride+ky) as isize - pad; if iy<0||iy>=h as isize {continue}
        let x0=(ox*stride) as isize - pad; let a=(-x0).max(0); let e=(h as isize - x0).min(3);
        runs.push(Run{ x: ((iy*h as isize + x0+a)*cin as isize) as usize, w: (ky*3+a as usize)*cin, len: (e-a) as usize*cin });
        fl+=(e-a) as usize*cin*cout*2*b; }
      px.push((0,(oy*oh+ox)*cout,runs)); } }
    let nom = 2*9*cin*cout*oh*oh*b;
    for (r,nv) in [(5usize,4usize),(10,2),(5,2),(10,1)] { if nv*16>cout {continue}
      let mut panels=vec![]; 
      for n0 in (0..b).step_by(r) { for c in (0..cout).step_by(nv*16) { panels.push(Panel{ x: unsafe{x.as_ptr().add(n0*h*h*cin)}, x_stride:h*h*cin, w: unsafe{w.as_ptr().add(c)}, w_stride:cout, bias: unsafe{bias.as_ptr().add(c)}, out: unsafe{out.as_mut_ptr().add(n0*oh*oh*cout+c)}, out_stride: oh*oh*cout, rows:r, vectors:nv, last:16}); } }
      let p=Px{v:&px}; let mut best=f64::MAX;
      for _ in 0..30 { let t=std::time::Instant::now(); for _ in 0..5 { dispatch(Go{panels:&panels,px:&p}); } best=best.min(t.elapsed().as_secs_f64()/5.); }
      println!("{h} {cin}->{cout} R{r} NV{nv}: {:.1} us, real {:.1} GF/s, nominal {:.1}", best*1e6, fl as f64/best/1e9, nom as f64/best/1e9);
    }
  }
}
